/** A control of a form, with its label. */
export function Field({ label, children }: { label: string; children: React.ReactNode }): React.ReactNode {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: its control is the child
    <label className="field">
      <span>{label}</span>
      {children}
    </label>
  );
}
