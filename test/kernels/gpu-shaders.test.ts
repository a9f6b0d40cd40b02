import { expect, test } from '@jest/globals';
import { pruneFunctions } from '../../src/kernels/gpu/shaders/prune.js';
import { toVec4Shader } from '../../src/kernels/gpu/shaders/wgsl.js';

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

test('pruneFunctions keeps every overload that main reaches, and removes the rest', () => {
  const from = SHADER.indexOf('float unused');
  const to = SHADER.indexOf('vec2 near') - 1;
  expect(pruneFunctions(SHADER)).toBe(SHADER.slice(0, from) + SHADER.slice(to));
});

test('pruneFunctions follows calls of calls, overloads that call each other', () => {
  const functions = {
    last: 'float last(float x) {\n  return x;\n}\n',
    idle: 'float idle(float x) {\n  return last(x);\n}\n',
    wide: 'vec2 near(vec2 x) {\n  return x + last(1.0);\n}\n',
    narrow: 'float near(float x) {\n  if (x > 0.0) { return near(vec2(x)).x; }\n  return 0.0;\n}\n',
    main: 'void main() {\n  float x = near(1.0);\n}',
  };
  expect(pruneFunctions(`#version\n${Object.values(functions).join('')}`)).toBe(
    `#version\n${Object.values({ ...functions, idle: '\n' }).join('')}`,
  );
  expect(pruneFunctions(`${functions.idle}${functions.last}void main() {}`)).toBe('\n\nvoid main() {}');
});

test('pruneFunctions does not change a shader whose only function is main', () => {
  const text = '#version 300 es\nin vec2 aPos;\nvoid main(void) {\n  gl_Position = vec4(aPos, 0, 1);\n}\n';
  expect(pruneFunctions(text)).toBe(text);
});

test('toVec4Shader keeps the declarations and the entry point, and replaces the body', () => {
  const shader = [
    'struct Params {\n  outputX : u32,\n}',
    '@group(0) @binding(0) var<uniform> params : Params;',
    '@group(0) @binding(1) var<storage, read> user_inu_ua : array<f32>;',
    '@group(0) @binding(2) var<storage, read_write> result : array<f32>;',
    'var<private> threadGid : vec3<u32>;',
    'fn get_user_inu_ua(z : i32, y : i32, x : i32) -> f32 {\n  return user_inu_ua[u32(x)];\n}',
    '@compute @workgroup_size(64, 1, 1)\nfn main(@builtin(global_invocation_id) gid : vec3<u32>) {',
    '  if (gid.x >= params.outputX) { return; }',
    '  let data_index : i32 = i32(gid.x);\n  result[data_index] = get_user_inu_ua(0, 0, data_index);\n}',
  ].join('\n');
  const found = toVec4Shader(shader, 'result[gid.x] = user_inu_ua[gid.x];')!;
  expect(found.match(/array<vec4<f32>>/g)).toHaveLength(2);
  expect(found).toMatch(/\{ return; \}\nresult\[gid\.x\] = user_inu_ua\[gid\.x\];\n\}\n$/);
  expect(found).not.toMatch(/get_user|data_index/);
  expect(toVec4Shader('fn main() {}', '')).toBe(null);
});
