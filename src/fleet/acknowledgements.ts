/** What this sidecar runs of what the fleet decided: a revision is acknowledged when all proxy threads run the snapshot that has it. */
export class Acknowledgements {
  /** By route. */
  readonly all: Record<string, number> = {};
  private waiting: { readonly snapshot: number; readonly route: string; readonly revision: number }[] = [];
  private unsaid: Record<string, number> = {};

  takenOver(route: string, revision: number, snapshot: number): void {
    this.waiting.push({ snapshot, route, revision });
  }

  /** @param running the snapshot that all proxy threads run. @returns whether there is something new to say */
  run(running: number): boolean {
    let any = false;
    this.waiting = this.waiting.filter(({ snapshot, route, revision }) => {
      if (snapshot > running) return true;
      any = true;
      this.all[route] = Math.max(this.all[route] ?? 0, revision);
      this.unsaid[route] = this.all[route]!;
      return false;
    });
    return any;
  }

  /** @param whole all of it: what was said before may have been lost */
  say(whole: boolean): Readonly<Record<string, number>> {
    const said = whole ? { ...this.all } : this.unsaid;
    this.unsaid = {};
    return said;
  }
}
