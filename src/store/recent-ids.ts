/** The last ids that were seen, at most so many. */
export class RecentIds {
  private readonly ids = new Set<string>();
  private readonly max: number;

  constructor(max: number) {
    this.max = max;
  }

  has(id: string | undefined): boolean {
    return id !== undefined && this.ids.has(id);
  }

  add(id: string | undefined): void {
    if (id === undefined) return;
    this.ids.add(id);
    // A Set keeps the order in which its members came.
    if (this.ids.size > this.max) this.ids.delete(this.ids.values().next().value!);
  }
}
