/** Runs test files in the order in which they were named, rather than jest's. */
const Sequencer = require('@jest/test-sequencer').default;

module.exports = class extends Sequencer {
  sort(tests) {
    const order = process.env.UNSPOOL_MUTATE_ORDER.split(' ');
    const rank = ({ path }) => order.findIndex((name) => path.endsWith(name));
    return [...tests].sort((a, b) => rank(a) - rank(b));
  }
};
