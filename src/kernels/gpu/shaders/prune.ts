/** Removes unused functions from a GLSL shader. */

/** A line that begins a function, with its name. */
const FUNCTION = /^\w+ (\w+)\([^)]*\) \{/gm;

/** The functions of a shader that begin a line: where each is, and what it calls. */
function functionsOf(shader: string): { name: string; from: number; to: number; calls: string[] }[] {
  return [...shader.matchAll(FUNCTION)].map(({ 0: head, 1: name = '', index: from }) => {
    let to = from + head.length;
    for (let open = 1; open > 0 && to < shader.length; to++)
      open += Number(shader[to] === '{') - Number(shader[to] === '}');
    const calls = [...shader.slice(from + head.length, to).matchAll(/(\w+)\(/g)].map(([, called = '']) => called);
    return { name, from, to, calls };
  });
}

/**
 * A shader without the functions that `main` does not reach. gpu.js puts 14,000 characters of functions in front of
 * each shader, which take half of its compile time.
 */
export function pruneFunctions(shader: string): string {
  const functions = functionsOf(shader);
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
    kept.push(shader.slice(from, each.from));
    from = each.to;
  }
  return [...kept, shader.slice(from)].join('');
}
