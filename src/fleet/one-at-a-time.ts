/** Runs one piece of work for each key at a time; what is asked for meanwhile is done once more afterwards. So an older answer never overtakes a newer one. */
export class OneAtATime {
  private readonly running = new Map<string, { again: boolean }>();
  private readonly work: (key: string) => Promise<void>;

  /** @param work never rejects */
  constructor(work: (key: string) => Promise<void>) {
    this.work = work;
  }

  ask(key: string): void {
    const running = this.running.get(key);
    if (running !== undefined) {
      running.again = true;
      return;
    }
    const mine = { again: false };
    this.running.set(key, mine);
    void this.work(key).finally(() => {
      this.running.delete(key);
      if (mine.again) this.ask(key);
    });
  }
}
