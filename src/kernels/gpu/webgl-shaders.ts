/**
 * Shaders compile while others are written. gpu.js asks of each shader at once whether it compiled, and the answer takes until
 * it has; here it is told yes, and what is true is asked once, when the work of all has been handed over. A third of the time
 * of a first step is thus spent side by side.
 */
import type { WebGl } from './gpu-js.js';

/** The vertex shader's inputs. Places that are given need not be asked for. */
const INPUTS = ['aPos', 'aTexCoord'];

/** From now on nothing waits for a shader of `gl`. Gives what asks: why one of those since the last time is none, or null. */
export function compileLater(gl: WebGl): () => string | null {
  const truth = Object.getPrototypeOf(gl) as WebGl;
  let programs: object[] = [];
  Object.assign(gl, {
    getShaderParameter: () => true,
    linkProgram(program: object) {
      for (const [place, name] of INPUTS.entries()) gl.bindAttribLocation(program, place, name);
      truth.linkProgram.call(gl, program);
      programs.push(program);
    },
    getAttribLocation: (_: object, name: string) => INPUTS.indexOf(name),
  });
  const problemOf = (program: object): string | null => {
    for (const shader of gl.getAttachedShaders(program) ?? []) {
      const isCompiled = truth.getShaderParameter.call(gl, shader, gl.COMPILE_STATUS);
      if (!isCompiled) return `a shader does not compile: ${gl.getShaderInfoLog(shader) ?? 'no reason given'}`;
    }
    const isLinked = gl.getProgramParameter(program, gl.LINK_STATUS);
    return isLinked ? null : `a shader does not link: ${gl.getProgramInfoLog(program) ?? 'no reason given'}`;
  };
  return () => {
    const since = programs;
    programs = [];
    for (const program of since) {
      const problem = problemOf(program);
      if (problem) return problem;
    }
    return null;
  };
}
