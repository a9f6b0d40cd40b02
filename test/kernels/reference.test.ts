import { createReference } from '../../src/kernels/reference/index.js';
import { TOLERANCE } from '../support/golden.js';
import { describeConformance } from './conformance.js';

describeConformance('reference', createReference, TOLERANCE);
