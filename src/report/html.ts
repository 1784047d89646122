import type { Block } from "./blocks.ts";

const style = `body{font:16px/1.5 system-ui,"Segoe UI","DejaVu Sans",sans-serif;color:#24292f;background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem;border-bottom:1px solid #d8dee4}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #d8dee4}
figure{margin:1rem 0;overflow-x:auto}svg{max-width:100%;height:auto}
@media print{body{margin:0;max-width:none}}`;

/** One page that needs nothing else: no script, no font, no image from elsewhere. */
export function toHtml(title: string, blocks: readonly Block[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
${blocks.map(part).join("\n")}
</body>
</html>
`;
}

function part(block: Block): string {
  switch (block.kind) {
    case "heading":
      return `<h${block.level}>${escaped(block.text)}</h${block.level}>`;
    case "paragraph":
      return `<p>${escaped(block.text)}</p>`;
    case "table": {
      const cells = (of: readonly string[], tag: "th" | "td"): string => `<tr>${of.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
      return `<div class="wide"><table><thead>${cells(block.head, "th")}</thead><tbody>${block.rows.map((row) => cells(row, "td")).join("")}</tbody></table></div>`;
    }
    case "plot":
      return `<figure>${block.svg}</figure>`;
  }
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
