/** A process that takes orders on its standard input and answers on file descriptor 3, both as lines of JSON. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const KEPT = 2000; // characters of what it complained about last

const alive = new Set();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

export class Channel {
  #child;
  #answers = [];
  #wake = () => {};
  #ended = false;
  #complaint = '';

  constructor(command, args) {
    const stdio = ['pipe', 'ignore', 'pipe', 'pipe'];
    this.#child = spawn(command, args, { stdio, env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } });
    alive.add(this.#child);
    this.#child.stdin.on('error', () => {}); // it has ended: the next answer says so
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#complaint = (this.#complaint + text).slice(-KEPT);
    });
    createInterface({ input: this.#child.stdio[3] }).on('line', (line) => {
      this.#answers.push(JSON.parse(line));
      this.#wake();
    });
    this.#child.on('error', (error) => {
      this.#complaint = error.message;
    });
    this.#child.on('close', () => {
      alive.delete(this.#child);
      this.#ended = true;
      this.#wake();
    });
  }

  order(message) {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** The next answer. Throws what the process gives as its error, that it has ended, or that `ms` are over. */
  async answer(ms) {
    const end = performance.now() + ms;
    while (this.#answers.length === 0) {
      if (this.#ended) throw new Error(`it ended: ${this.#complaint.trim().split('\n').at(-1) || 'without a word'}`);
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

  /** Ends it, and waits until it has. */
  async close() {
    if (this.#ended) return;
    const closed = new Promise((resolve) => this.#child.on('close', resolve));
    this.#child.kill('SIGKILL');
    await closed;
  }
}
