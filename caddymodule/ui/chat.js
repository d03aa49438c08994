import'./chat-FMW3VMZO.js';import'./chunk-Q35NDQAK.js';import'./chunk-SDOSUXGY.js';
