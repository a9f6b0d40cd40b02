/** A chart of efficiency over ranks as SVG, with a logarithmic axis of ranks. */
const [WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM] = [720, 360, 56, 48, 230, 44];
const COLORS = ['#0b6e99', '#c4601d', '#5a8f3c', '#8a4f9e', '#9a9a9a', '#333333'];

/** @param lines `{ label, points: [ranks, efficiency][] }`, efficiencies from 0 to 1 */
export function efficiencyChart(title, lines) {
  const last = Math.max(...lines.flatMap(({ points }) => points.map(([ranks]) => Math.log2(ranks))));
  const x = (ranks) => LEFT + ((WIDTH - LEFT - RIGHT) * Math.log2(ranks)) / last;
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value);
  const text = (at, up, content, anchor = 'middle') =>
    `<text x="${at.toFixed(1)}" y="${up.toFixed(1)}" text-anchor="${anchor}">${content}</text>`;
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (value) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>${text(LEFT - 8, y(value) + 4, `${100 * value} %`, 'end')}`,
  );
  const ticks = Array.from({ length: last + 1 }, (_, i) => text(x(2 ** i), HEIGHT - BOTTOM + 18, 2 ** i));
  const curves = lines.map(({ label, points }, i) => {
    const path = points.map(([ranks, value]) => `${x(ranks).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    const at = TOP + 12 + 20 * i;
    const color = COLORS[i % COLORS.length];
    return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>
<line x1="${WIDTH - RIGHT + 16}" x2="${WIDTH - RIGHT + 36}" y1="${at}" y2="${at}" stroke="${color}" stroke-width="2"/>${text(WIDTH - RIGHT + 42, at + 4, label, 'start')}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="Helvetica, Arial, sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
${text(LEFT, 22, title, 'start')}
${[...grid, ...ticks, ...curves].join('\n')}
${text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, 'ranks')}
</svg>
`;
}
