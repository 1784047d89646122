/** One thing that a soak measured, and the bound that it must keep. */
export interface Check {
  readonly what: string;
  readonly measured: number;
  readonly max: number;
  readonly unit: string;
}

export const passes = ({ measured, max }: Check): boolean => measured <= max;

/** A soak: starts what it needs, measures, and leaves nothing behind. */
export interface Soak {
  readonly name: string;
  readonly about: string;
  readonly run: (options: SoakOptions) => Promise<Check[]>;
}

export interface SoakOptions {
  /** How much the slow clients move, in MiB; at 1 MiB/s, so also how many seconds it takes. */
  readonly mib: number;
  readonly say: (message: string) => void;
}
