/**
 * Compiles WebGL shaders in parallel. gpu.js reads the compile status of each shader right after it is submitted,
 * which waits until the driver has compiled it. This module answers yes, and checks all of them once the work of a run
 * has been submitted. It saves a third of the time of a first update.
 */
import { pruneFunctions } from '../shaders/prune.js';
import type { WebGl } from './gpu-js.js';

/** The vertex shader's inputs. Fixed locations do not have to be queried. */
const INPUTS = ['aPos', 'aTexCoord'];

/**
 * Defers the compile checks of `gl`. The returned function checks the shaders since its last call, and returns why one
 * does not compile or link, or null.
 */
export function deferCompileChecks(gl: WebGl): () => string | null {
  const original = Object.getPrototypeOf(gl) as WebGl;
  let programs: object[] = [];
  Object.assign(gl, {
    shaderSource: (shader: object, source: string) => original.shaderSource.call(gl, shader, pruneFunctions(source)),
    getShaderParameter: () => true,
    linkProgram(program: object) {
      for (const [place, name] of INPUTS.entries()) gl.bindAttribLocation(program, place, name);
      original.linkProgram.call(gl, program);
      programs.push(program);
    },
    getAttribLocation: (_: object, name: string) => INPUTS.indexOf(name),
  });
  const errorOf = (program: object): string | null => {
    for (const shader of gl.getAttachedShaders(program) ?? []) {
      const isCompiled = original.getShaderParameter.call(gl, shader, gl.COMPILE_STATUS);
      if (!isCompiled) return `a shader does not compile: ${gl.getShaderInfoLog(shader) ?? 'no reason given'}`;
    }
    const isLinked = gl.getProgramParameter(program, gl.LINK_STATUS);
    return isLinked ? null : `a shader does not link: ${gl.getProgramInfoLog(program) ?? 'no reason given'}`;
  };
  return () => {
    const unchecked = programs;
    programs = [];
    for (const program of unchecked) {
      const error = errorOf(program);
      if (error) return error;
    }
    return null;
  };
}
