/** Runs as a worker and as a service worker: answers every message. */
import { compute } from './infer-compute.js';

self.addEventListener('message', ({ ports: [port] }) => (port ?? self).postMessage(compute()));
