/** A process that receives commands on its standard input and answers on file descriptor 3, both as lines of JSON. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { neutral } from './environment.mjs';

const MAX_STDERR = 2000; // characters

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Channel {
  #child;
  #answers = [];
  #wake = () => {};
  #ended = false;
  #stderr = '';

  /** `settings`: environment variables of the process. Those of the shell that limit native libraries are removed. */
  constructor(command, args, settings = {}) {
    const stdio = ['pipe', 'ignore', 'pipe', 'pipe'];
    const env = { ...neutral(process.env), PYTHONDONTWRITEBYTECODE: '1', ...settings };
    this.#child = spawn(command, args, { stdio, env });
    running.add(this.#child);
    this.#child.stdin.on('error', () => {}); // the process has ended, which answer() reports
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-MAX_STDERR);
    });
    createInterface({ input: this.#child.stdio[3] }).on('line', (line) => {
      this.#answers.push(JSON.parse(line));
      this.#wake();
    });
    this.#child.on('error', (error) => {
      this.#stderr = error.message;
    });
    this.#child.on('close', () => {
      running.delete(this.#child);
      this.#ended = true;
      this.#wake();
    });
  }

  /** Sends a command. */
  send(message) {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** The next answer. Throws if the process reports an error, ends, or does not answer within `ms`. */
  async answer(ms) {
    const end = performance.now() + ms;
    while (this.#answers.length === 0) {
      if (this.#ended)
        throw new Error(`process ended: ${this.#stderr.trim().split('\n').at(-1) || 'no error message'}`);
      const left = end - performance.now();
      if (left <= 0) throw new Error(`no answer within ${Math.round(ms / 1000)} s`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const message = this.#answers.shift();
    if (message.error !== undefined) throw new Error(message.error);
    return message;
  }

  /** Kills the process and waits for its end. */
  async close() {
    if (this.#ended) return;
    const closed = new Promise((resolve) => this.#child.on('close', resolve));
    this.#child.kill('SIGKILL');
    await closed;
  }
}
