/** Loads and stores of four floats of a row, or of the last one to three. */

/** The size of `floats` floats. */
// @ts-ignore: decorator
@inline
export function bytes(floats: i32): usize {
  return (<usize>floats) << 2;
}

/**
 * If H is not a multiple of 4, a row's last vector would overlap the next gate. An in-place kernel cannot compute the units from
 * H - 4 twice, so it loads and stores the last few lane by lane.
 */
// @ts-ignore: decorator
@inline
export function load(p: usize, lanes: i32): v128 {
  if (lanes == 4) return v128.load(p);
  let x = v128.load32_zero(p);
  if (lanes > 1) x = v128.load_lane<f32>(p + 4, x, 1);
  if (lanes > 2) x = v128.load_lane<f32>(p + 8, x, 2);
  return x;
}

// @ts-ignore: decorator
@inline
export function store(p: usize, x: v128, lanes: i32): void {
  if (lanes == 4) {
    v128.store(p, x);
    return;
  }
  v128.store_lane<f32>(p, x, 0);
  if (lanes > 1) v128.store_lane<f32>(p + 4, x, 1);
  if (lanes > 2) v128.store_lane<f32>(p + 8, x, 2);
}

/** The same, not inlined: for kernels whose code size matters more than a tenth of their speed. */
export function loadSome(p: usize, lanes: i32): v128 {
  return load(p, lanes);
}

export function storeSome(p: usize, x: v128, lanes: i32): void {
  store(p, x, lanes);
}

/** Workspaces in the first kilobyte of the memory, which is before the constants. Only the main thread uses them. */
export enum Workspace {
  /** The last units of two rows. */
  last = 64,
  /** SPAN floats each. */
  first = 256,
  second = 512,
}
export const SPAN: i32 = 64;

/** The address of eight floats: p, or that of a copy if only `left` of them belong to the row. */
export function eightAt(p: usize, left: i32, offset: usize): usize {
  if (left >= 8) return p;
  memory.copy(Workspace.last + offset, p, bytes(left));
  return Workspace.last + offset;
}
