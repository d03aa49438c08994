import'./chat-WJHMIGD6.js';import'./chunk-LAYZ4JVN.js';
