/** Collects the calls of all entries, and finds exports and methods that no table has. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { distributedObjects, distributedSubjects } from './subjects/distributed.mjs';
import { inferObjects, inferSubjects, interopSubjects, simdObjects } from './subjects/formats.mjs';
import { labObjects, labSubjects } from './subjects/lab.mjs';
import { mainSubjects } from './subjects/main.mjs';
import { mainObjects } from './subjects/main-objects.mjs';
import {
  gpuSubjects,
  inspectSubjects,
  nodeObjects,
  nodeSubjects,
  tuneSubjects,
  workerObjects,
  workerSubjects,
} from './subjects/others.mjs';
import { tasksObjects, tasksSubjects } from './subjects/tasks.mjs';

const ROOT = new URL('../../', import.meta.url);
const { exports } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'));

/** Entry by name: `main` for `unspool`, `lab` for `unspool/lab`, ... */
export async function importEntries() {
  const entries = {};
  for (const [path, files] of Object.entries(exports)) {
    if (typeof files !== 'string')
      entries[path === '.' ? 'main' : path.slice(2)] = await import(new URL(files.default, ROOT));
  }
  return entries;
}

const EXPORTS = {
  main: mainSubjects,
  lab: labSubjects,
  inspect: inspectSubjects,
  worker: workerSubjects,
  gpu: gpuSubjects,
  node: nodeSubjects,
  infer: inferSubjects,
  'infer/simd': inferSubjects,
  interop: interopSubjects,
  distributed: distributedSubjects,
  tasks: tasksSubjects,
  tune: tuneSubjects,
};
/** Entries whose calls take systems and cells that the caller implements: what they return is not checked. */
const OPAQUE = new Set(['lab']);
const OBJECTS = {
  main: mainObjects,
  lab: labObjects,
  worker: workerObjects,
  infer: inferObjects,
  'infer/simd': simdObjects,
  distributed: distributedObjects,
  tasks: tasksObjects,
  node: nodeObjects,
};

/**
 * Every call to try. `name` is `lab.compare` or `main.Model.predict`; `args(w)` makes valid arguments and `call(args, w)` calls
 * with any arguments.
 */
export function subjectsOf(entries) {
  const subjects = [];
  for (const [entry, module] of Object.entries(entries)) {
    for (const [name, row] of Object.entries(EXPORTS[entry] ?? {})) {
      if (row === null) continue;
      const target = module[row.of ?? name];
      const isClass = typeof target === 'function' && /^class/.test(Function.prototype.toString.call(target));
      const call = isClass ? (...args) => new target(...args) : target;
      subjects.push({ ...row, name: `${entry}.${name}`, opaque: OPAQUE.has(entry), call: (args) => call(...args) });
    }
    for (const [name, object] of Object.entries(OBJECTS[entry] ?? {})) {
      const methods = Object.entries(object.methods)
        .filter(([, args]) => args !== null)
        .map(([method, args]) => methodOf(`${entry}.${name}`, object, method, args));
      const opaque = object.opaque ?? OPAQUE.has(entry);
      subjects.push(...methods.map((method) => ({ ...method, opaque, siblings: methods })));
    }
  }
  return subjects;
}

const methodOf = (name, { make, dispose, fails, open }, method, args) => ({
  name: `${name}.${method}`,
  args,
  make,
  fails: fails?.includes(method),
  open: open === true || (open?.includes(method) ?? false),
  call: (values, target) => {
    const call = method === '()' ? target : target[method];
    return call === undefined ? undefined : call.apply(target, values); // a method that another version has
  },
  finish: dispose,
});

/** Exports and methods without a row, as text. */
export async function uncovered(entries, w) {
  const missing = [];
  const hidden = privateNames();
  for (const [entry, module] of Object.entries(entries)) {
    const rows = EXPORTS[entry] ?? {};
    for (const name of Object.keys(module)) if (!Object.hasOwn(rows, name)) missing.push(`${entry}.${name}`);
    for (const [name, row] of Object.entries(rows)) {
      if (!name.includes(' ') && !Object.hasOwn(module, name)) missing.push(`${entry}.${name} (no such export)`);
      if (row === null && typeof module[name] === 'function')
        missing.push(`${entry}.${name} (a function without a row)`);
    }
    for (const [name, { make, methods, statics }] of Object.entries(OBJECTS[entry] ?? {})) {
      const target = await make(w);
      for (const method of methodsOf(target, statics)) {
        if (!Object.hasOwn(methods, method) && !hidden.has(method)) missing.push(`${entry}.${name}.${method}()`);
      }
    }
  }
  return missing;
}

function methodsOf(target, statics = false) {
  const found = new Set();
  const stop = [Object.prototype, Function.prototype, Array.prototype, Error.prototype, null];
  for (let from = target; !stop.includes(from); from = Object.getPrototypeOf(from)) {
    for (const key of Object.getOwnPropertyNames(from)) {
      const { value } = Object.getOwnPropertyDescriptor(from, key);
      const isClass = typeof value === 'function' && /^class/.test(Function.prototype.toString.call(value));
      if (typeof value === 'function' && key !== 'constructor' && !isClass && (!statics || from === target))
        found.add(key);
    }
  }
  return found;
}

/** Names that the declarations call private, or that are marked as internal and so have no declaration. */
function privateNames() {
  const names = new Set();
  const visit = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else if (path.endsWith('.ts')) {
        const text = readFileSync(path, 'utf8');
        for (const [, name] of text.matchAll(/private (?:(?:readonly|async|get) )*\*?(\w+)/g)) names.add(name);
        for (const [, name] of text.matchAll(
          /\/\*\*[\s*]*@internal(?:[^*]|\*(?!\/))*\*\/\s*(?:(?:async|get|readonly) )*(\w+)/g,
        ))
          names.add(name);
      }
    }
  };
  visit(fileURLToPath(new URL('src', ROOT)));
  return names;
}
