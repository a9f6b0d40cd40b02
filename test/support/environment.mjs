/**
 * The environment of the tests: Node's, with a FinalizationRegistry that works in every test file. In V8 before version 14, no
 * registry of a process calls back any more once one with collected targets is itself collected before its callbacks ran, and
 * Jest drops all registries of a test file when the file ends. So here all are one, which stays.
 */
import { TestEnvironment } from 'jest-environment-node';

const all = new FinalizationRegistry(({ registry, held }) => registry.deref()?.call(held));

class Registry {
  constructor(callback) {
    this.call = callback;
    this.self = new WeakRef(this);
  }

  register(target, held, token) {
    all.register(target, { registry: this.self, held }, token);
  }

  unregister(token) {
    return all.unregister(token);
  }
}

export default class extends TestEnvironment {
  async setup() {
    await super.setup();
    this.global.FinalizationRegistry = Registry;
  }
}
