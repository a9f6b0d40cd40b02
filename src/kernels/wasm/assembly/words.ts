/** Reads the arguments that TypeScript writes to memory, by word index (see ../layout). */

// @ts-ignore: decorator
@inline
export function integer(base: usize, index: i32): i32 {
  return i32.load(base + ((<usize>index) << 2));
}

// @ts-ignore: decorator
@inline
export function address(base: usize, index: i32): usize {
  return <usize>integer(base, index);
}

// @ts-ignore: decorator
@inline
export function real(base: usize, index: i32): f32 {
  return f32.load(base + ((<usize>index) << 2));
}

/** The double in the words at `index` and after it. */
// @ts-ignore: decorator
@inline
export function double(base: usize, index: i32): f64 {
  return f64.load(base + ((<usize>index) << 2));
}
