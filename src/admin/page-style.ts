/** The status page's style: one sheet, light and dark, nothing loaded from anywhere. */
export const pageStyle = `
:root { color-scheme: light dark;
  --ground: #f6f7f9; --card: #fff; --ink: #16202c; --soft: #5b6878; --line: #e2e6ec; --track: #eceff3;
  --good: #16804a; --bad: #c62b2b; --warn: #a86400; --v0: #2b66d9; --v1: #e08a1e; --v2: #8a4fd3; --v3: #1b9a8f;
  --v4: #c2407a; --v5: #6b7f1f; --v6: #8c5a3c; --v7: #4a6a86; --v8: #b0482f; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #0e1319; --card: #171e27; --ink: #e6ebf1; --soft: #93a1b2; --line: #283241; --track: #232c38;
  --good: #4cc38a; --bad: #ff6b66; --warn: #f0b04a; --v0: #5b93ff; --v1: #f3a847; --v2: #b78af5; --v3: #43c7ba;
  --v4: #f084b2; --v5: #b3c95c; --v6: #cfa07f; --v7: #93b4d0; --v8: #f2937c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main, header { max-width: 1080px; margin: 0 auto; padding: 0 20px; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 16px; padding-top: 22px; padding-bottom: 14px; }
h1 { font-size: 21px; margin: 0; letter-spacing: -.01em; display: flex; align-items: center; gap: 10px; }
h1 svg { width: 26px; height: 26px; stroke: var(--v0); stroke-width: 2.4; stroke-linecap: round; fill: none; }
h2 { font-size: 17px; margin: 0; }
h3 { font-size: 12px; margin: 22px 0 8px; color: var(--soft); font-weight: 600; text-transform: uppercase; letter-spacing: .05em; }
.soft { color: var(--soft); } .good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.grow { flex: 1; }
.chip { border: 1px solid currentColor; border-radius: 99px; padding: 0 10px; font-size: 13px; font-weight: 600; line-height: 22px; white-space: nowrap; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px 20px; margin: 0 0 18px; }
.row { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 12px; } h3 + .row { margin-bottom: 10px; }
.notice { border-left: 4px solid var(--bad); }
.bar { display: flex; height: 30px; border-radius: 7px; overflow: hidden; background: var(--track); margin: 14px 0 4px; }
.bar > span { transition: width .4s; overflow: hidden; white-space: nowrap; color: #fff; font-size: 13px; font-weight: 600; line-height: 30px; padding-left: 10px; text-overflow: clip; }
.bar > span.thin { padding-left: 0; text-indent: -9999px; }
.s0 { background: var(--v0); } .s1 { background: var(--v1); } .s2 { background: var(--v2); } .s3 { background: var(--v3); }
.s4 { background: var(--v4); } .s5 { background: var(--v5); } .s6 { background: var(--v6); } .s7 { background: var(--v7); } .s8 { background: var(--v8); }
@media (prefers-color-scheme: dark) { .bar > span { color: #0b1017; } }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 8px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: right; font-weight: 500; font-size: 13px; color: var(--soft); padding: 4px 0 4px 16px; white-space: nowrap; }
td { text-align: right; padding: 6px 0 6px 16px; border-top: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td.text { white-space: normal; text-align: left; } th.text { text-align: left; }
.meter { width: 150px; height: 8px; border-radius: 4px; background: var(--track); display: inline-block; overflow: hidden; vertical-align: middle; }
.meter > span { display: block; height: 100%; background: var(--v1); } .meter > span.over { background: var(--bad); }
svg.chart { display: block; width: 100%; height: 92px; background: var(--track); border-radius: 7px; }
.chart polyline { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.l0 { stroke: var(--v0); } .l1 { stroke: var(--v1); } .l2 { stroke: var(--v2); } .l3 { stroke: var(--v3); }
.l4 { stroke: var(--v4); } .l5 { stroke: var(--v5); } .l6 { stroke: var(--v6); } .l7 { stroke: var(--v7); } .l8 { stroke: var(--v8); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 14px; }
.charts h3 { display: flex; justify-content: space-between; gap: 8px; margin: 18px 0 6px; } .charts h3 span { text-transform: none; letter-spacing: 0; font-weight: 500; }
ol { list-style: none; margin: 0; padding: 0; } li { display: flex; gap: 14px; padding: 7px 0; border-top: 1px solid var(--line); }
li time { color: var(--soft); font-variant-numeric: tabular-nums; white-space: nowrap; } li b { white-space: nowrap; min-width: 148px; font-weight: 600; }
@media (max-width: 640px) { li { flex-wrap: wrap; gap: 0 12px; } li p { flex-basis: 100%; } }
li p { margin: 0; overflow-wrap: anywhere; }
footer { max-width: 1080px; margin: 0 auto; padding: 0 20px 28px; color: var(--soft); font-size: 13px; }
a { color: inherit; }
input, button { font: inherit; color: inherit; background: var(--track); border: 1px solid var(--line); border-radius: 7px; padding: 6px 12px; } input { flex: 1; max-width: 420px; } button { cursor: pointer; }
`;
