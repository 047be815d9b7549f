import { Component } from 'react';

interface Props {
  children: React.ReactNode;
}

/** Keeps what cannot be drawn from taking the rest of the page along. */
export class Contained extends Component<Props, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): React.ReactNode {
    if (!this.state.failed) return this.props.children;
    return <p role="alert">This cannot be shown. Its record and log are whole: look there.</p>;
  }
}
