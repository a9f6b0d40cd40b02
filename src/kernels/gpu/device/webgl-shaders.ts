/**
 * Shaders compile while others are written. gpu.js asks of each shader at once whether it compiled, and the answer takes until
 * it has; here it is told yes, and what is true is asked once, when the work of all has been handed over. A third of the time
 * of a first step is thus spent side by side.
 */
import type { WebGl } from './gpu-js.js';

/** The vertex shader's inputs. Places that are given need not be asked for. */
const INPUTS = ['aPos', 'aTexCoord'];

/** A line that begins a function, with its name. */
const BEGINS = /^\w+ (\w+)\([^)]*\) \{/gm;

/** The functions of a text that begin a line: where each stands, and what it calls. */
function functionsOf(text: string): { name: string; from: number; to: number; calls: string[] }[] {
  return [...text.matchAll(BEGINS)].map(({ 0: head, 1: name = '', index: from }) => {
    let to = from + head.length;
    for (let open = 1; open > 0 && to < text.length; to++) open += Number(text[to] === '{') - Number(text[to] === '}');
    const calls = [...text.slice(from + head.length, to).matchAll(/(\w+)\(/g)].map(([, called = '']) => called);
    return { name, from, to, calls };
  });
}

/**
 * A shader without the functions that nothing in it calls. gpu.js puts fourteen thousand letters of them before each, which
 * take half of the time in which it compiles.
 */
export function pruned(text: string): string {
  const functions = functionsOf(text);
  const reached = new Set<string>();
  const reach = (name: string): void => {
    if (reached.has(name)) return;
    reached.add(name);
    for (const { name: own, calls } of functions) if (own === name) calls.forEach(reach);
  };
  reach('main');
  let from = 0;
  const kept: string[] = [];
  for (const each of functions) {
    if (reached.has(each.name)) continue;
    kept.push(text.slice(from, each.from));
    from = each.to;
  }
  return [...kept, text.slice(from)].join('');
}

/** From now on nothing waits for a shader of `gl`. Gives what asks: why one of those since the last time is none, or null. */
export function compileLater(gl: WebGl): () => string | null {
  const truth = Object.getPrototypeOf(gl) as WebGl;
  let programs: object[] = [];
  Object.assign(gl, {
    shaderSource: (shader: object, text: string) => truth.shaderSource.call(gl, shader, pruned(text)),
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
