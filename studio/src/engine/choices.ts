/** What the user can choose from, read from the library's registries. */
import { OPTIMIZERS } from 'unspool';
import { ESTIMATORS } from 'unspool/lab';
import type { Choices } from './api.js';

/** The estimators have the settings that their registry suggests, such as `tbptt:k1=4,k2=8`. */
export const choices = (): Choices => ({
  optimizers: Object.keys(OPTIMIZERS),
  estimators: Object.entries(ESTIMATORS).flatMap(([name, { examples }]) =>
    examples.map((settings) => (settings ? `${name}:${settings}` : name)),
  ),
});
