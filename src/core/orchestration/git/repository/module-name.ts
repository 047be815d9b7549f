/** True if the name of a submodule leads to a place below `modules`, of which it is a part. Git accepts no other names either. */
export function isModuleName(name: string): boolean {
  return !name.startsWith('/') && !/(^|\/)\.{0,2}(\/|$)|[\\\n]/.test(name);
}
