/** What the name that a driver gives itself tells. */

/** Drivers that compute on the processor. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|basic render/i;

/** Threads that keep an adapter busy: beyond them, a thread may as well do more. */
export const atOnceOf = (adapter: string): number => (SOFTWARE.test(adapter) ? 64 : 8192);
