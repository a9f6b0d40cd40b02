export const Change = () => null;
