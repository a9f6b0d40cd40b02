/** Between colours, in straight lines. */

const parse = (hex: string): [number, number, number] => {
  const all = Number.parseInt(hex.slice(1), 16);
  return [all >> 16, (all >> 8) & 255, all & 255];
};

/** The colour at `share` (0 to 1) of evenly spaced stops. */
export function interpolateRgb(stops: readonly string[], share: number): [number, number, number] {
  const at = share * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  const [a, b] = [parse(stops[low]!), parse(stops[low + 1]!)];
  const part = at - low;
  return [0, 1, 2].map((k) => Math.round(a[k]! + part * (b[k]! - a[k]!))) as [number, number, number];
}
