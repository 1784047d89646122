import type { Block } from "./blocks.ts";

/** CommonMark with tables. Plots are images that hold themselves, at its end, where they disturb nobody who reads the text. */
export function toMarkdown(blocks: readonly Block[]): string {
  const images: string[] = [];
  const parts = blocks.map((block) => {
    switch (block.kind) {
      case "heading":
        return `${"#".repeat(block.level)} ${escaped(block.text)}`;
      case "paragraph":
        return escaped(block.text).replace(/^([#>+~-]|\d+[.)]\s)/, "\\$1");
      case "table":
        return [row(block.head), `|${"---|".repeat(block.head.length)}`, ...block.rows.map(row)].join("\n");
      case "plot":
        images.push(`[plot-${images.length + 1}]: data:image/svg+xml;base64,${Buffer.from(block.svg).toString("base64")}`);
        return `![${escaped(block.title)}][plot-${images.length}]`;
    }
  });
  return `${[...parts, images.join("\n")].filter((part) => part !== "").join("\n\n")}\n`;
}

const row = (cells: readonly string[]): string => `| ${cells.map((cell) => escaped(cell).replaceAll("|", "\\|")).join(" | ")} |`;

/** What somebody wrote is text, and no markup: neither Markdown's nor HTML's. */
const escaped = (text: string): string =>
  text.replaceAll(/\s+/g, " ").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(/[\\`*_[\]]/g, (mark) => `\\${mark}`);
