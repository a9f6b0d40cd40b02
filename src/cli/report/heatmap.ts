/** Heat maps [time x unit] as SVG. The map is an embedded PNG with one pixel per number, which keeps pages small. */
import { deflateSync } from 'node:zlib';
import { type ColorScale, colorAt, type Grid, valueRange } from '../../inspect/index.js';
import { escaped } from './html.js';

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc(body), body.length + 4);
  return out;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

function crc(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) c = CRC_TABLE[(c ^ byte) & 255]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/** A PNG file. `pixel(x, y)` returns red, green and blue. */
export function pngOf(width: number, height: number, pixel: (x: number, y: number) => readonly number[]): Buffer {
  const rows = Buffer.alloc(height * (3 * width + 1)); // each row starts with a 0: no filter
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rows.set(pixel(x, y), y * (3 * width + 1) + 1 + 3 * x);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits, red green blue
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

const short = (value: number): string =>
  (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4) || value === 0
    ? String(Number(value.toPrecision(2)))
    : value.toExponential(1);

/** Time runs to the right, units run down. `marks` are labels below the steps, shown if they fit. */
export function heatmapSvg(
  title: string,
  grid: Grid,
  scale: ColorScale,
  range = valueRange(grid, scale),
  marks: readonly string[] = [],
): string {
  const { rows: T, cols: units, data } = grid;
  const [low, high] = range;
  const [width, left, top] = [860, 56, 8];
  const height = Math.max(48, Math.min(240, 6 * units));
  const bad = [255, 0, 255]; // NaN and infinities
  const png = pngOf(T, units, (t, j) => {
    const v = data[t * units + j]!;
    return Number.isFinite(v) ? colorAt(scale, (v - low) / (high - low)) : bad;
  });
  const at = (t: number): number => left + ((t + 0.5) * (width - left)) / T;
  const every = Math.max(1, Math.ceil(T / 12));
  const fits = marks.length === T && T <= 130;
  const ticks = Array.from({ length: T }, (_, t) => t)
    .filter((t) => (fits ? true : t % every === 0))
    .map(
      (t) =>
        `<text x="${at(t).toFixed(1)}" y="${top + height + 13}" text-anchor="middle"${fits ? ' font-size="10"' : ''}>${escaped(fits ? marks[t]! : t)}</text>`,
    );
  const stops = Array.from(
    { length: 9 },
    (_, i) => `<stop offset="${i / 8}" stop-color="rgb(${colorAt(scale, i / 8).join(',')})"/>`,
  );
  const id = title.replace(/[^a-zA-Z0-9]+/g, '-');
  const y = top + height + 24;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 16}" width="${width}" height="${y + 16}" role="img" aria-label="${escaped(title)}: from ${short(low)} to ${short(high)}" font-family="system-ui, sans-serif" font-size="13" fill="currentColor">
<image x="${left}" y="${top}" width="${width - left}" height="${height}" preserveAspectRatio="none" style="image-rendering:pixelated" href="data:image/png;base64,${png.toString('base64')}"/>
<text x="${left - 6}" y="${top + 10}" text-anchor="end">unit 0</text><text x="${left - 6}" y="${top + height}" text-anchor="end">${units - 1}</text>
${ticks.join('')}
<defs><linearGradient id="${id}">${stops.join('')}</linearGradient></defs>
<rect x="${left}" y="${y}" width="160" height="9" fill="url(#${id})"/><text x="${left - 6}" y="${y + 9}" text-anchor="end">${short(low)}</text><text x="${left + 166}" y="${y + 9}">${short(high)}</text>
</svg>`;
}
