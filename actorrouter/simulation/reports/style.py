"""The style sheet of the page: light and dark, colours that people with any colour vision can tell apart."""

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --page: #ffffff; --ink: #1b1f24; --soft: #5a6470; --rule: #dfe3e8; --tile: #f5f7f9;
  --good-ink: #00664a; --bad-ink: #a63200; --s0: #5a6470; --s1: #0072b2; --s2: #b35a00; --s3: #a8326e; --s4: #00795a;
  --s5: #8a6d00; --s6: #3d5a99; --s7: #7a4b2a; --ceiling: #a63200; --fault: #d55e00; --area: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --page: #15181c; --ink: #e7eaee; --soft: #a2acb8; --rule: #343b44;
  --tile: #1e2329; --good-ink: #4fd1a5; --bad-ink: #ff9a66; --s0: #a2acb8; --s1: #56b4e9; --s2: #e69f00; --s3: #e08ab8;
  --s4: #35c79b; --s5: #f0e442; --s6: #9db4ee; --s7: #c99a76; --ceiling: #ff9a66; --fault: #e69f00; --area: #56b4e9; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 20px 48px; max-width: 1040px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 32px 0 8px; }
p { margin: 4px 0; max-width: 80ch; } .soft { color: var(--soft); }
code { font: 13px/1.5 ui-monospace, monospace; background: var(--tile); padding: 2px 6px; border-radius: 4px;
  overflow-wrap: anywhere; }
.verdict { border-left: 6px solid var(--good-ink); background: var(--tile); padding: 10px 14px; margin: 14px 0;
  font-weight: 600; } .verdict.bad { border-color: var(--bad-ink); }
.good { color: var(--good-ink); } .bad { color: var(--bad-ink); }
dl.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 8px; margin: 12px 0; }
dl.tiles div { background: var(--tile); border-radius: 6px; padding: 8px 12px; } dl.tiles dt { color: var(--soft);
  font-size: 13px; } dl.tiles dd { margin: 0; font-size: 19px; overflow-wrap: anywhere; }
table { border-collapse: collapse; margin: 8px 0; font-variant-numeric: tabular-nums; } .scroll { overflow-x: auto; }
th, td { text-align: right; padding: 4px 12px 4px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { color: var(--soft); font-weight: 600; } th:first-child, td:first-child { text-align: left; } td.text, th.text {
  text-align: left; }
figure { margin: 16px 0; } figcaption { font-size: 14px; } figcaption span { color: var(--soft); }
.multiples { display: grid; grid-template-columns: repeat(auto-fill, minmax(290px, 1fr)); gap: 4px 16px; }
.multiples figure { margin: 4px 0; } figure svg { display: block; width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); } svg .end { text-anchor: end; }
svg .middle { text-anchor: middle; } svg .unit { font-style: italic; } svg .ceiling-word { fill: var(--ceiling); }
.grid { stroke: var(--rule); stroke-width: 1; } .axis { stroke: var(--soft); stroke-width: 1; }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round; } .area { fill: var(--area); opacity: 0.18; }
.s0 { stroke: var(--s0); stroke-dasharray: 5 3; } .s1 { stroke: var(--s1); } .s2 { stroke: var(--s2); stroke-width: 2; }
.s3 { stroke: var(--s3); stroke-dasharray: 2 2; stroke-width: 2; } .s4 { stroke: var(--s4); }
.s5 { stroke: var(--s5); stroke-dasharray: 8 3; } .s6 { stroke: var(--s6); stroke-dasharray: 8 3 2 3; }
.s7 { stroke: var(--s7); stroke-dasharray: 3 5; }
.ceiling { stroke: var(--ceiling); stroke-width: 1.4; stroke-dasharray: 6 3; } .bar { fill: var(--s1); }
.fault { fill: var(--fault); opacity: 0.16; } .restart { fill: var(--s3); } .hover { fill: transparent; }
.hover:hover { fill: var(--soft); fill-opacity: 0.14; }
.state { stroke: var(--page); stroke-width: 0.5; fill: #c3c9d0; } .state.good { fill: #3fb994; }
.state.back { fill: #56b4e9; }
.state.slow { fill: #f0e442; } .state.out { fill: #e69f00; } .state.gone { fill: #cc79a7; }
svg .state-word { fill: #111111; } ul.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 18px;
  margin: 2px 0 0; padding: 0; font-size: 13px; color: var(--soft); }
figure .swatch { display: inline-block; width: 26px;
  height: 10px; margin-right: 6px; } ul.broken { margin: 6px 0; padding-left: 20px; }
footer { margin-top: 36px; font-size: 13px; color: var(--soft); overflow-wrap: anywhere; }
"""
