/**
 * Runs programs such as the built `unspool` one after the other, for tests: a new process takes .3 s of processor time before it
 * does anything. Each run evaluates the program's file again, in its folder, with its arguments and an output that is kept.
 */
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';

/** Replaces a stream of the process. Returns what was written, and a function that puts the stream back. */
function keep(name) {
  const before = Object.getOwnPropertyDescriptor(process, name);
  const kept = { text: '' };
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      kept.text += chunk;
      done();
    },
  });
  Object.defineProperty(process, name, { value: stream, configurable: true });
  return { kept, restore: () => Object.defineProperty(process, name, before) };
}

let runs = 0;

async function run({ file, cwd, args }) {
  const [stdout, stderr] = [keep('stdout'), keep('stderr')];
  process.chdir(cwd);
  process.argv = [process.execPath, file, ...args];
  globalThis.console = new Console(process.stdout, process.stderr); // the first one has kept its streams
  let code = 1;
  try {
    await import(`${pathToFileURL(file)}?run=${++runs}`);
    code = process.exitCode ?? 0;
  } catch (error) {
    process.stderr.write(`${inspect(error)}\n`); // a defect: Node prints its stack
  } finally {
    process.exitCode = 0;
    process.chdir('/');
    for (const { restore } of [stdout, stderr]) restore();
  }
  return { code, stdout: stdout.kept.text, stderr: stderr.kept.text };
}

let last = Promise.resolve();
process.on('message', ({ id, ...request }) => {
  last = last.then(async () => process.send({ id, ...(await run(request)) }));
});
