import { beforeAll } from '@jest/globals';
import { loadForms } from '../../src/core/lstm/forms.js';

beforeAll(loadForms);
