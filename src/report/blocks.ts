/** What a document is made of. Markdown and HTML are both made from it, and say the same. */
export type Block =
  | { readonly kind: "heading"; readonly level: 1 | 2; readonly text: string }
  | { readonly kind: "paragraph"; readonly text: string }
  | { readonly kind: "table"; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }
  | { readonly kind: "plot"; readonly title: string; /** SVG. */ readonly svg: string };

export const heading = (text: string, level: 1 | 2 = 2): Block => ({ kind: "heading", level, text });
export const paragraph = (text: string): Block => ({ kind: "paragraph", text });
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): Block => ({ kind: "table", head, rows });
export const plot = (title: string, svg: string): Block => ({ kind: "plot", title, svg });
