import'./chat-IHSDBDEC.js';import'./chunk-KYHKRKQW.js';
