/** IEEE 754 half precision: 1 bit of sign, 5 of exponent, 10 of fraction. */

/** The value of half-precision bits. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * The bits of the half-precision number nearest to a finite value, ties to even. A value of more than 65,519 becomes infinite.
 * With e = floor(log2 |x|), at least -14 (below it numbers are denormal), the unit in the last place is 2^(e - 10).
 */
export function halfBits(value: number): number {
  const size = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  if (size >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, size === 0 ? -14 : Math.floor(Math.log2(size)));
  const units = size / 2 ** (exponent - 10); // exact: a power of 2
  const floor = Math.floor(units);
  const up = units - floor > 0.5 || (units - floor === 0.5 && floor % 2 === 1);
  // 2^10 units or more are a normal number; adding carries into the exponent where rounding needs it.
  return sign + (exponent + 14) * 1024 + floor + (up ? 1 : 0);
}
