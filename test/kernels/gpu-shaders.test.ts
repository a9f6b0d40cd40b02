import { pruned } from '../../src/kernels/gpu/webgl-shaders.js';

const SHADER = `#version 300 es
float twice(float x) { return 2.0 * x; }
float unused(float x) {
  if (x > 0.0) {
    return twice(x);
  }
  else {
    return 0.0;
  }
}
vec2 near(vec2 x) {
  return x;
}
float near(float x) {
  return twice(x);
}
out vec4 data0;
void kernel() {
  if (true) {
    data0 = vec4(near(1.0));
  }
  else {
    data0 = vec4(0.0);
  }
}
void main(void) {
  kernel();
}`;

test('a shader keeps what it calls, under any number of arguments, and loses the rest', () => {
  const from = SHADER.indexOf('float unused');
  const to = SHADER.indexOf('vec2 near') - 1;
  expect(pruned(SHADER)).toBe(SHADER.slice(0, from) + SHADER.slice(to));
});

test('a shader without functions but main stays as it is', () => {
  const text = '#version 300 es\nin vec2 aPos;\nvoid main(void) {\n  gl_Position = vec4(aPos, 0, 1);\n}\n';
  expect(pruned(text)).toBe(text);
});
