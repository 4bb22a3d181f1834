"""The page's style: paper and ink, one column on a phone, light and dark as the reader's system is."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #f8f7f4; --card: #ffffff; --ink: #1d1c20; --soft: #67636d; --line: #e5e2dc; --track: #efece6;
  --kept: #2b7f79; --out: #cf5a41; --warn: #b3432b; --link: #2f5fa8; --train: #2b7f79; --val: #c58a2a; --test: #7463b5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #131316; --card: #1b1b1f; --ink: #ecebef; --soft: #a09ca8; --line: #2d2c33; --track: #26252b;
    --kept: #5bb8b0; --out: #ec8b75; --warn: #ec8b75; --link: #8fb6f2;
    --train: #5bb8b0; --val: #deb565; --test: #a99be4;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 16px; -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI",
  "Noto Sans", "Liberation Sans", sans-serif; font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: 3px; }
code { font: 0.88em/1.4 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; }
small, .note, .soft, caption span { color: var(--soft); font-weight: 400; }
small { font-size: 0.84em; }
main { max-width: 1240px; margin: 0 auto; padding: 40px 20px 80px; }
header { padding-bottom: 24px; }
.eyebrow { margin: 0; color: var(--soft); letter-spacing: 0.04em; }
h1 {
  margin: 4px 0 20px; font-size: clamp(40px, 8vw, 72px); line-height: 1.05; font-weight: 300; letter-spacing: -0.03em;
}
h1 b { font-weight: 650; }
h2 { margin: 0; font-size: 28px; line-height: 1.2; font-weight: 620; letter-spacing: -0.015em; }
h3 { margin: 0 0 10px; font-size: 16px; font-weight: 620; }
h4 { margin: 0 0 6px; font-size: 13px; font-weight: 500; color: var(--soft); }
section { padding-top: 56px; }
.lead { margin: 8px 0 20px; max-width: 68ch; color: var(--soft); }
.note { margin: 10px 0 0; font-size: 14px; max-width: 75ch; }
h3 + .note { margin: -6px 0 12px; }
dl { margin: 24px 0 0; display: flex; flex-wrap: wrap; gap: 16px 44px; }
dt { color: var(--soft); font-size: 14px; }
dd { margin: 0; font-size: 18px; }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px; margin-bottom: 16px;
}
.cards {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); gap: 16px; margin-bottom: 16px;
}
.cards > .card { margin: 0; min-width: 0; }
.columns { columns: 320px; column-gap: 16px; margin-bottom: 16px; } .columns > .card { break-inside: avoid; }
.card > p:first-child { margin-top: 0; }
nav ul { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 6px; }
nav a {
  display: flex; gap: 8px; padding: 5px 12px; border: 1px solid var(--line); border-radius: 99px;
  background: var(--card); color: var(--ink); font-size: 14px; text-decoration: none;
}
nav a:hover { border-color: var(--soft); }
.stack { display: flex; gap: 2px; height: 12px; border-radius: 6px; overflow: hidden; }
.stack .bar { height: 100%; border-radius: 0; min-width: 3px; }
.legend { list-style: none; margin: 10px 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 4px 24px; }
.legend, .chips { font-size: 14px; }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 8px; }
.bar { display: block; height: 8px; min-width: 2px; border-radius: 4px; background: var(--soft); }
.kept { background-color: var(--kept); } .out { background-color: var(--out); }
.train { background-color: var(--train); }
.val { background-color: var(--val); } .test { background-color: var(--test); }
tr.out, tr.kept { background: none; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
caption { text-align: left; font-size: 16px; font-weight: 620; margin-bottom: 8px; }
caption span { font-size: 0.84em; }
th { text-align: left; font-weight: 400; padding: 4px 12px 4px 0; }
td { text-align: right; padding: 4px 0 4px 12px; white-space: nowrap; vertical-align: middle; }
td.wide { width: 40%; padding: 4px 0; }
thead th { color: var(--soft); text-align: right; padding: 4px 0 4px 12px; font-size: 13px; white-space: nowrap; }
.counts th[scope] { width: 44%; } .counts td.wide { width: 30%; }
.split th[scope] { width: 34%; } .split td.wide { width: 16%; }
.counts tr + tr { border-top: 1px solid var(--line); }
.counts .bar { background: var(--kept); }
.unknown th, .unknown em { color: var(--warn); font-style: normal; font-weight: 620; }
.unknown .bar { background: var(--out); }
.fall + .fall { margin-top: 20px; }
.fall th { width: 38%; } .fall td.wide { width: 46%; }
.fall b { font-weight: 620; }
.fall tr.all .bar { opacity: 0.45; }
.fall .out th { padding-left: 16px; } .fall .out a { color: inherit; text-decoration-color: var(--out); }
.fall td.soft { width: 74px; }
.cards .fall td.wide { width: 26%; }
.faces { --columns: 12; display: grid; grid-template-columns: repeat(var(--columns), minmax(0, 1fr)); gap: 8px; }
.faces.small { --columns: 8; } .faces.told { gap: 10px; } .group .faces.small { --columns: 4; }
.faces.pair { grid-template-columns: repeat(2, minmax(0, 112px)); }
.face { margin: 0; position: relative; background: none; outline: none; cursor: pointer; }
.face img { display: block; width: 100%; height: auto; aspect-ratio: 1; object-fit: cover; border-radius: 7px; }
.face.out img { box-shadow: 0 0 0 2px var(--card), 0 0 0 3.5px var(--out); }
#rejected .face.out img { box-shadow: none; }
.face:hover img, .face:focus img, #rejected .face.out:hover img, #rejected .face.out:focus img {
  box-shadow: 0 0 0 2px var(--card), 0 0 0 4px var(--link);
}
.face figcaption { margin-top: 4px; font-size: 12px; line-height: 1.3; text-align: center; color: var(--soft); }
.faces.small .face, .faces.pair .face { padding: 2px; }
.about {
  display: none; position: fixed; left: 16px; right: 16px; bottom: 16px; z-index: 2; margin: 0 auto; max-width: 760px;
  padding: 12px 16px; border-radius: 10px; background: var(--ink); color: var(--paper); font-size: 14px; cursor: text;
  box-shadow: 0 6px 24px #0005;
}
.face:focus .about, .face:focus-within .about { display: block; }
.groups { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(250px, 100%), 1fr)); gap: 20px 28px; }
.gate { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 7fr); gap: 28px; align-items: start; }
.sides { display: grid; gap: 16px; }
.chart { display: block; width: 100%; height: auto; max-width: 560px; overflow: visible; }
.chart text { font-size: 12px; fill: var(--soft); }
.chart .left { text-anchor: end; } .chart .under { text-anchor: middle; } .chart .at { fill: var(--ink); }
.chart .rule { stroke: var(--line); } .chart .axis { stroke: var(--soft); }
.chart .threshold { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 4 3; }
.chart rect { fill: var(--kept); background: none; } .chart rect.out { fill: var(--out); }
.chart rect:hover { opacity: 0.7; }
.swatches { display: block; width: 100%; height: 64px; border-radius: 7px; }
.mean { display: grid; grid-template-columns: 88px minmax(0, 1fr); gap: 16px; align-items: start; }
.mean img { width: 88px; height: 88px; border-radius: 7px; }
.chips { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 6px; font-size: 14px; }
.chips li { padding: 2px 10px; border-radius: 99px; background: var(--track); }
.plain { margin: 0; padding-left: 18px; }
.commands { display: grid; gap: 12px; margin: 0; }
.commands dd { font-size: 14px; color: var(--soft); }
footer { padding-top: 56px; color: var(--soft); font-size: 14px; }
:target > h3, tr:target { text-decoration: underline; text-decoration-color: var(--kept); text-underline-offset: 6px; }
@media (min-width: 1180px) {
  body { display: grid; grid-template-columns: 216px minmax(0, 1fr); }
  nav { position: sticky; top: 0; align-self: start; padding: 52px 0 0 28px; }
  nav ul { display: grid; gap: 2px; }
  nav a { justify-content: space-between; border: 0; border-radius: 8px; background: none; padding: 5px 10px; }
  nav a:hover { background: var(--track); }
  main { margin: 0; padding: 48px 40px 96px; width: 100%; }
}
@media (max-width: 1179px) {
  nav { max-width: 1240px; margin: 0 auto; padding: 16px 20px 0; }
  main { padding-top: 24px; }
}
@media (max-width: 760px) {
  .gate { grid-template-columns: minmax(0, 1fr); gap: 16px; }
  .card { padding: 16px; }
  nav a { padding: 10px 14px; }
  .fall tr { display: grid; grid-template-columns: minmax(0, 1fr) auto 64px; gap: 2px 8px; align-items: baseline; }
  .fall tr + tr { margin-top: 6px; }
  .fall td.wide, .cards .fall td.wide { grid-column: 1 / -1; grid-row: 2; width: 100%; }
  .fall th { width: auto; padding: 2px 0; } .fall td, .fall td.soft { padding: 2px 0; width: auto; }
  .counts td.wide { width: 16%; }
  .faces { --columns: 6; gap: 6px; } .faces.small, .faces.told { --columns: 4; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
@media print { nav { display: none; } body { display: block; background: #fff; } .card { break-inside: avoid; } }
"""
