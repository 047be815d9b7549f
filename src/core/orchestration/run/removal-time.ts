/** How long a manager that closes or recovers waits for containers to be gone, in milliseconds. What is left then, a sweep removes. */
export const REMOVAL_MS = 5_000;
