/** Who has made a shared document what it is, route by route: so that nobody approves their own change, not even after somebody else's. */
import { asksForApproval, type Edit, editionOf } from "./config/edition.ts";
import type { DynamicConfiguration } from "./config/definition.ts";
import { parseShared } from "./config/shared.ts";
import { type HistoryEntry, historyMax, type SharedText } from "./store/shared-document.ts";

/** By route, newest edit first. */
export type Edits = ReadonlyMap<string, readonly Edit[]>;

export class Authors {
  private readonly place: string;
  /** Editions of documents by digest: each is parsed once. */
  private readonly known = new Map<string, ReadonlyMap<string, string>>();

  constructor(place: string) {
    this.place = place;
  }

  /** Whether it has to be known at all. */
  static matter({ routes }: DynamicConfiguration): boolean {
    return routes.some(asksForApproval);
  }

  /** @param history newest first; what is not in it was written by hand, by nobody knows whom */
  editsOf({ digest }: SharedText, dynamic: DynamicConfiguration, history: readonly HistoryEntry[]): Edits {
    const now: { readonly by: string | null; readonly editions: ReadonlyMap<string, string> } = { by: null, editions: editionsOf(dynamic) };
    this.known.set(digest, now.editions);
    // What was put back after a loss was somebody's before: whoever put it back changed nothing.
    const entries = history.filter(({ action }) => action !== "restored");
    const documents = [...(entries[0]?.digest === digest ? [] : [now]), ...entries.map((entry) => ({ by: byHand(entry) ? null : entry.who, editions: this.of(entry) }))];
    for (const old of this.known.keys()) if (this.known.size > historyMax + 1) this.known.delete(old);
    return new Map([...now.editions.keys()].map((route) => [route, editsOfRoute(route, documents)]));
  }

  private of({ digest, text }: SharedText): ReadonlyMap<string, string> {
    let editions = this.known.get(digest);
    if (editions === undefined) {
      const parsed = parseShared(text, this.place, null);
      editions = parsed.ok ? editionsOf(parsed.value.dynamic) : new Map();
    }
    // Again at the end: what is still in the history is forgotten last.
    this.known.delete(digest);
    this.known.set(digest, editions);
    return editions;
  }
}

const byHand = ({ action }: HistoryEntry): boolean => action === "written";

const editionsOf = ({ routes }: DynamicConfiguration): ReadonlyMap<string, string> => new Map(routes.map((route) => [route.name, editionOf(route)]));

/** Each document in which the route differs from the one before was an edit of it, by whoever wrote that document. */
function editsOfRoute(route: string, documents: readonly { readonly by: string | null; readonly editions: ReadonlyMap<string, string> }[]): readonly Edit[] {
  return documents.flatMap(({ by, editions }, i): Edit[] => {
    const edition = editions.get(route);
    return edition === undefined || edition === documents[i + 1]?.editions.get(route) ? [] : [{ edition, by }];
  });
}
