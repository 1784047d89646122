/**
 * The control thread's book of the slab: which series has which slot, and the pages themselves. A series keeps its slot
 * for the life of the process, across configurations, so its counters never jump; a removed series' slot is kept for
 * its return. Slot 0 belongs to the threads themselves.
 */
import { pageBytes, slotsPerPage } from "./layout.ts";
import { SlotReader } from "./reader.ts";

/** Series (route x variant) that one process may ever see; over it, a configuration is refused. */
export const seriesMax = 16_384;

export class Slab {
  readonly threads: number;
  private readonly pageList: SharedArrayBuffer[] = [];
  private readonly readers: SlotReader[] = [];
  private readonly slots = new Map<string, number>();

  constructor(threads: number) {
    this.threads = threads;
    this.add();
  }

  /** Pages so far; they only ever grow in number. A proxy thread gets them with each snapshot. */
  get pages(): readonly SharedArrayBuffer[] {
    return this.pageList;
  }

  /** The slot of a series, made at the first call. @throws RangeError over `seriesMax` */
  slotOf(route: string, variant: string): number {
    const key = JSON.stringify([route, variant]);
    let slot = this.slots.get(key);
    if (slot === undefined) {
      if (this.slots.size >= seriesMax) throw new RangeError(`more than ${seriesMax} series (route x variant) since the process started`);
      slot = this.add();
      this.slots.set(key, slot);
    }
    return slot;
  }

  reader(slot: number): SlotReader {
    return this.readers[slot]!;
  }

  /** Takes in what all threads counted since the last call. */
  refresh(): void {
    for (const reader of this.readers) reader.refresh();
  }

  private add(): number {
    const slot = this.readers.length;
    if (slot % slotsPerPage === 0) this.pageList.push(new SharedArrayBuffer(pageBytes(this.threads)));
    this.readers.push(new SlotReader(this.pageList[Math.floor(slot / slotsPerPage)]!, slot, this.threads));
    return slot;
  }
}
