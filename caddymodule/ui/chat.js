import'./chat-2S6RPVBG.js';
