/** The text that the tour's models are trained on. */
export const TEXT = 'so much depends upon a red wheel barrow\n'.repeat(30);
