import'./chat-4RAYTPKW.js';import'./chunk-QHDUU2IM.js';import'./chunk-SDOSUXGY.js';
