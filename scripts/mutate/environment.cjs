/** Skips the rest of a test file after its first failure. */
const { TestEnvironment } = require('jest-environment-node');

module.exports = class extends TestEnvironment {
  handleTestEvent({ name, test }) {
    if (name === 'test_done') this.hasFailed ||= test.errors.length > 0;
    if (name === 'test_start' && this.hasFailed) test.mode = 'skip';
  }
};
