/** The few shapes that the plots are made of: SVG written by hand, readable on white and on dark pages alike. */

export const palette = ["#1b6ca8", "#c8553d", "#6b8f3a", "#8e5aa8", "#b98b17"] as const;
export const ink = "#24292f";
export const faint = "#8c959f";
const grid = "#d8dee4";

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
const at = (value: number): string => String(Math.round(value * 10) / 10);

export const line = (x1: number, y1: number, x2: number, y2: number, colour: string, width = 1, dash = ""): string =>
  `<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" stroke="${colour}" stroke-width="${width}"${dash === "" ? "" : ` stroke-dasharray="${dash}"`}/>`;
export const gridLine = (x1: number, y1: number, x2: number, y2: number): string => line(x1, y1, x2, y2, grid);
export const dot = (x: number, y: number, radius: number, colour: string, filled = true): string =>
  `<circle cx="${at(x)}" cy="${at(y)}" r="${radius}" fill="${filled ? colour : "white"}" stroke="${colour}" stroke-width="1.5"/>`;
export const label = (x: number, y: number, text: string, anchor: "start" | "middle" | "end" = "start", colour: string = ink, size = 12): string =>
  `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}" fill="${colour}" font-size="${size}">${escape(text)}</text>`;

/** @param title also read out by screen readers */
export function document(width: number, height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${at(width)} ${at(height)}" width="${at(width)}" height="${at(height)}" role="img" font-family="system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif">`,
    `<title>${escape(title)}</title>`,
    `<rect width="100%" height="100%" fill="white"/>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

/** Maps a value to a position; logarithmic where `log`. */
export function scale(from: number, to: number, start: number, end: number, log = false): (value: number) => number {
  const f = log ? Math.log : (x: number): number => x;
  return (value) => start + ((f(Math.min(to, Math.max(from, value))) - f(from)) / (f(to) - f(from))) * (end - start);
}
