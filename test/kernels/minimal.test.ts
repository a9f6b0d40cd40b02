/** The conformance suite on the default instructions, with a backend that has only the primitive ones. */
import { TOLERANCE } from '../support/golden.js';
import { describeConformance } from './conformance.js';
import { createMinimal } from './minimal.js';

describeConformance('minimal', createMinimal, { float64: TOLERANCE.float64 });
