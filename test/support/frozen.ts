/** Paths of the objects inside a value that are not frozen. Empty if all objects are frozen. */
export function unfrozenParts(value: unknown, path = '$'): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Reflect.ownKeys(value).flatMap((key) =>
    unfrozenParts((value as Record<PropertyKey, unknown>)[key], `${path}.${String(key)}`),
  );
  return Object.isFrozen(value) ? inner : [path, ...inner];
}
