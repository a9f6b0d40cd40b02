/** The page and the service worker of the extension of infer.test.ts: each computes, and the page asks the service worker. */
import { compute } from './infer-compute.js';

if (globalThis.document) {
  window.everywhere = async () => ({ page: compute(), service: await chrome.runtime.sendMessage('compute') });
  window.ready = true;
} else {
  chrome.runtime.onMessage.addListener((_message, _sender, answer) => answer(compute()));
}
