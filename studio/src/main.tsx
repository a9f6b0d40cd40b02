import { render } from 'preact';
import { App } from './app.js';
import './theme.css';
import './ui/layout.css';
import './ui/parts.css';

render(<App />, document.getElementById('studio')!);
