/**
 * Functions that programs call, in the language of gpu.js, which translates them for every mode. The functions of a shader language
 * have few guaranteed digits: WGSL allows an error of 3 + 2 |x| units in the last place (ulp) for exp(x), and of 2^-21 for a log
 * near 0. kernels/wasm/assembly/math.ts derives the reductions and polynomials.
 *
 * A shader may replace denormal numbers by 0, so results below 2^-125 may be 0. Small arguments are returned as they are, because
 * intermediate results would be even smaller.
 */

/** A function of numbers. */
export interface ShaderFunction {
  readonly name: string;
  readonly source: string;
}

/** Multiplies p by 2^bit or 2^-bit if that bit of k is set. */
const factor = (bit: number): string =>
  `if (k >= ${bit}.0) { p = p * (n < 0.0 ? ${(2 ** -bit).toExponential(20)} : ${(2 ** bit).toExponential(20)}); k = k - ${bit}.0; }`;

export const FUNCTIONS: readonly ShaderFunction[] = [
  {
    name: 'power2', // 2^n for an integer |n| <= 126; a shader's own exp2 need not be exact
    source: `function power2(n) {
  let p = 1.0;
  let k = Math.abs(n);
  ${[64, 32, 16, 8, 4, 2, 1].map(factor).join('\n  ')}
  return p;
}`,
  },
  {
    name: 'expOf', // e^x, as 2^n e^r
    source: `function expOf(x) {
  const y = (x > 89.0 ? 89.0 : (x < -106.0 ? -106.0 : x));
  const n = Math.floor(y * 1.44269504 + 0.5);
  const r = n * 0.693359375 - y - n * 0.000212194440;
  const e = 1.0 + r * (-0.999999707043 + r * (0.49999149182 + r * (-0.166676365163 + r * (0.0418979763813 - r * 0.00829029096372))));
  const half = Math.floor(n * 0.5);
  return e * power2(half) * power2(n - half);
}`,
  },
  {
    name: 'expMinus1', // e^x - 1 for x up to 20; larger x count as 20
    source: `function expMinus1(x) {
  if (Math.abs(x) < 1.0e-8) { return x; }
  const y = (x > 20.0 ? 20.0 : (x < -32.0 ? -32.0 : x));
  const n = Math.floor(y * 1.44269504 + 0.5);
  const h = 0.5 * y - n * 0.34657359;
  const q = h + h + h * h * (1.99999992617 + h * (1.33332348965 + h * (0.666675197031 + h * (0.267728659822 + h * 0.088848153607))));
  const p = power2(n);
  return p * q - (1.0 - p);
}`,
  },
  {
    name: 'tanhOf',
    source: `function tanhOf(x) {
  if (Math.abs(x) < 1.0e-4) { return x; }
  const u = expMinus1(2.0 * (x > 10.0 ? 10.0 : (x < -16.0 ? -16.0 : x)));
  return u / (u + 2.0);
}`,
  },
  {
    name: 'sigmoidOf',
    source: `function sigmoidOf(x) {
  const e = expOf(-Math.abs(x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}`,
  },
  {
    name: 'logOf1Plus', // log(1 + x), x >= 0; up to 1 as 2 artanh s, s = x / (x + 2), by a minimax polynomial with an error of 5e-9
    source: `function logOf1Plus(x) {
  if (x > 1.0) { return Math.log(1.0 + x); }
  if (x < 1.0e-8) { return x; }
  const s = x / (x + 2.0);
  const z = s * s;
  return s * 2.0 + s * z * (0.6666641204 + z * (0.4002177009 + z * (0.2799786086 + z * 0.280312867)));
}`,
  },
];

/** GLSL for \`power2\`, which has access to the bits of a number. */
export const GLSL_POWER2 = 'float power2(float n) { return intBitsToFloat((int(n) + 127) << 23); }';

/** The same for four numbers, in WGSL. */
export const WGSL_FUNCTIONS = `
fn power2(n : vec4<f32>) -> vec4<f32> { return bitcast<vec4<f32>>((vec4<i32>(n) + 127) << vec4<u32>(23u)); }
fn bounded(v : vec4<f32>, low : f32, high : f32) -> vec4<f32> {
  return select(select(v, vec4<f32>(low), v < vec4<f32>(low)), vec4<f32>(high), v > vec4<f32>(high));
}
fn sigmoid(v : vec4<f32>) -> vec4<f32> {
  let y = bounded(-abs(v), -106.0, 0.0);
  let n = floor(y * 1.44269504 + 0.5);
  let r = n * 0.693359375 - y - n * 0.000212194440;
  let p = 1.0 + r * (-0.999999707043 + r * (0.49999149182 + r * (-0.166676365163 + r * (0.0418979763813 - r * 0.00829029096372))));
  let half = floor(n * 0.5);
  let e = p * power2(half) * power2(n - half);
  return select(vec4<f32>(1.0), e, v < vec4<f32>(0.0)) / (1.0 + e);
}
fn tanh_of(v : vec4<f32>) -> vec4<f32> {
  let y = bounded(v, -16.0, 10.0);
  let n = floor(y * 2.88539008 + 0.5);
  let h = y - n * 0.34657359;
  let q = h + h + h * h * (1.99999992617 + h * (1.33332348965 + h * (0.666675197031 + h * (0.267728659822 + h * 0.088848153607))));
  let p = power2(n);
  let u = p * q - (1.0 - p);
  return select(u / (u + 2.0), v, abs(v) < vec4<f32>(1.0e-4));
}
`;
