import { Component } from 'react';

interface Props {
  children: React.ReactNode;
}

/** Keeps an error in one part of the page from breaking the rest of the page. */
export class Contained extends Component<Props, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): React.ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <p role="alert">
        This part of the page failed. The session's record and log are not affected: read them instead.
      </p>
    );
  }
}
