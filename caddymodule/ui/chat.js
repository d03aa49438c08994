import'./chat-3JPTZGNI.js';import'./chunk-IICKSUHZ.js';
