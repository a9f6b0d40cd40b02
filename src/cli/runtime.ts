/** The program that runs this one. Bun and Deno also report the version of Node that they imitate. */

interface Runtime {
  /** `Node 24.1.0` */
  readonly name: string;
  /** The JavaScript engine: its version, if it is known. */
  readonly engine: string;
}

export function runtimeOf(versions: Readonly<Record<string, string | undefined>> = process.versions): Runtime {
  const { bun, deno, node, v8 } = versions;
  if (bun) return { name: `Bun ${bun}`, engine: 'JavaScriptCore' }; // its process.versions.v8 is that of the imitated Node
  return { name: deno ? `Deno ${deno}` : `Node ${node}`, engine: `V8 ${v8}` };
}
